// See ap_int.h.
#ifndef HARNESS_NAMES_AP_FIXED_H
#define HARNESS_NAMES_AP_FIXED_H

#include "ap_int.h"

#endif
