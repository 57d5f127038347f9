/* SPDX-License-Identifier: GPL-2.0 */
/* The one place that names ptkit's version; the build, dkms.conf and the docs read it here. */
#define PTKIT_VERSION "0.1.0"
