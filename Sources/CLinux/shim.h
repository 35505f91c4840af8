// Calls of Linux that glibc declares under _GNU_SOURCE alone, which Swift's Glibc module does not
// set, or in <malloc.h>, which it leaves out. Prototypes as in copy_file_range(2), rename(2), sync(2)
// and malloc_trim(3); the types are those of a 64-bit Linux, spelled out because a header of the system,
// included here, would make its types this module's.
#pragma once

// off_t and ssize_t are long, size_t is unsigned long.
long copy_file_range(int from, long *from_offset, int to, long *to_offset, unsigned long count,
                     unsigned int flags);

int renameat2(int from_directory, const char *from, int to_directory, const char *to,
              unsigned int flags);

int syncfs(int descriptor);

int malloc_trim(unsigned long pad);

// Of lseek(2).
static const int CLINUX_SEEK_DATA = 3;
static const int CLINUX_SEEK_HOLE = 4;

// Of renameat2: fail with EEXIST instead of replacing.
static const unsigned int CLINUX_RENAME_NOREPLACE = 1;
