#include "cpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_schedstat_ns(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  unsigned long long ns = 0;
  if (fscanf(file, "%llu", &ns) != 1) ns = 0;
  fclose(file);
  return ns;
}

static uint64_t cpu_of_pid_ns(long pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/task", pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) return 0;
  uint64_t sum_ns = 0;
  struct dirent *entry;
  while ((entry = readdir(tasks)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    char stat_path[400];
    snprintf(stat_path, sizeof stat_path, "%s/%s/schedstat", path, entry->d_name);
    sum_ns += read_schedstat_ns(stat_path);
  }
  closedir(tasks);
  return sum_ns;
}

uint64_t cpu_of_pids_ns(const char *pids) {
  uint64_t sum_ns = 0;
  while (*pids != '\0') {
    char *end;
    sum_ns += cpu_of_pid_ns(strtol(pids, &end, 10));
    if (end == pids) break;
    pids = *end == ',' ? end + 1 : end;
  }
  return sum_ns;
}

struct core_time cpu_of_core(int core) {
  struct core_time time = {0, 0};
  FILE *file = fopen("/proc/stat", "r");
  if (file == NULL) return time;
  char line[512], name[16];
  int name_bytes = snprintf(name, sizeof name, "cpu%d ", core);
  uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, name, (size_t)name_bytes) != 0) continue;
    unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
    int fields = sscanf(line + name_bytes, "%llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice,
                        &system, &idle, &iowait, &irq, &softirq, &steal);
    if (fields != 8) break;
    time.busy_ns = (user + nice + system + irq + softirq) * tick_ns;
    time.stolen_ns = steal * tick_ns;
    break;
  }
  fclose(file);
  return time;
}

uint64_t cpu_of_self_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}
