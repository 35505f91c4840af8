/* libyaml: https://pyyaml.org/wiki/LibYAML; Debian: libyaml-dev. */
#include <yaml.h>
