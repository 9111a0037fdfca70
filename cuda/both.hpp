// Marks functions that run on devices and on the host.
#pragma once

#ifdef __CUDACC__
#define TZ_BOTH __host__ __device__
#else
#define TZ_BOTH
#endif
