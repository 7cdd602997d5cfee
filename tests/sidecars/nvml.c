/* Stands in for NVIDIA's library under the real pynvml: gcc -shared -fPIC [-DORIN | -DOLD] -o libnvidia-ml.so.1 nvml.c
 *
 * (nothing)  a full discrete GPU
 * -DORIN     Jetson Orin: it starts and has a name, and every metric is NotSupported
 * -DOLD      a driver from before several of the calls existed
 */
#include <stdio.h>
#include <string.h>

typedef int Return;
typedef void *Device;
typedef unsigned long long u64;
enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, TOO_SMALL = 7 };

#ifdef ORIN
#define METRIC(statement) { return NOT_SUPPORTED; }
#else
#define METRIC(statement) { statement; return OK; }
#endif

typedef struct { u64 total, free, used; } Memory;
typedef struct { unsigned version; u64 total, reserved, free, used; } MemoryV2;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned version; int sensor; int celsius; } Temperature;
typedef struct { unsigned pid; u64 used; unsigned instance, compute; } Process;
typedef struct { unsigned id, scope; long long time, latency; int type; Return result; union { unsigned ui; u64 ull; } value; } Field;

Return nvmlInitWithFlags(unsigned flags) { return OK; }
Return nvmlInit_v2(void) { return OK; }
Return nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(Return r) { return r == NOT_SUPPORTED ? "Not Supported" : "Unknown Error"; }
Return nvmlSystemGetDriverVersion(char *text, unsigned size) { snprintf(text, size, "570.1"); return OK; }
Return nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return OK; }
Return nvmlDeviceGetHandleByIndex_v2(unsigned i, Device *d) { *d = (Device)0x1234; return i ? INVALID : OK; }
Return nvmlDeviceGetName(Device d, char *text, unsigned size) { snprintf(text, size, "Stand-in GPU"); return OK; }

static double millijoule = 1000;
Return nvmlDeviceGetPowerUsage(Device d, unsigned *v) METRIC(*v = 45678)
Return nvmlDeviceGetUtilizationRates(Device d, Utilization *u) METRIC(u->gpu = 75; u->memory = 20)
Return nvmlDeviceGetClockInfo(Device d, int kind, unsigned *v) METRIC(*v = 1000 + kind)
Return nvmlDeviceGetTemperature(Device d, int sensor, unsigned *v) METRIC(*v = 61)
Return nvmlDeviceGetMemoryInfo(Device d, Memory *m) METRIC(m->total = 8000; m->used = 3500; m->free = 4500)
#ifdef OLD
typedef struct { unsigned pid; u64 used; unsigned instance, compute; } Process2;
Return nvmlDeviceGetComputeRunningProcesses_v2(Device d, unsigned *count, Process2 *p) {
    if (*count < 1) { *count = 1; return TOO_SMALL; }
    *count = 1;
    p[0].pid = 41; p[0].used = 1024;
    return OK;
}
#else
Return nvmlDeviceGetTotalEnergyConsumption(Device d, u64 *v) METRIC(millijoule += 1234; *v = millijoule)
Return nvmlDeviceGetMemoryInfo_v2(Device d, MemoryV2 *m)
    METRIC(m->total = 8000; m->reserved = 500; m->used = 3000; m->free = 4500)
Return nvmlDeviceGetTemperatureV(Device d, Temperature *t) METRIC(t->celsius = 62)
Return nvmlDeviceGetCurrentClocksEventReasons(Device d, u64 *v) METRIC(*v = 4)
Return nvmlDeviceGetFieldValues(Device d, int count, Field *f) METRIC(f->result = f->id == 186 ? OK : NOT_SUPPORTED; f->type = 1; f->value.ui = 50250)
Return nvmlDeviceGetComputeRunningProcesses_v3(Device d, unsigned *count, Process *p) {
#ifdef ORIN
    return NOT_SUPPORTED;
#endif
    if (*count < 2) { *count = 2; return TOO_SMALL; }
    memset(p, 0, 2 * sizeof *p);
    *count = 2;
    p[0].pid = 41; p[0].used = 2048;
    p[1].pid = 42; p[1].used = ~0ULL; /* not available, as in a container */
    return OK;
}
#endif
