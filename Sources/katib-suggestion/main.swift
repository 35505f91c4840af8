// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0
