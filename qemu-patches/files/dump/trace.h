#include "trace/trace-dump.h"
