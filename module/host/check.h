/* SPDX-License-Identifier: GPL-2.0 */
/* Reasons not to attach. Each function says why, in one line, when it returns an errno. */
#ifndef _PTKIT_HOST_CHECK_H
#define _PTKIT_HOST_CHECK_H

int host_function_refused(const char *function);
int host_tables_refused(void);

#endif /* _PTKIT_HOST_CHECK_H */
