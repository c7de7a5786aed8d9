#pragma once
// As CTimber: the C library declares more with it, and two modules must see the same declarations.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <seccomp.h>
