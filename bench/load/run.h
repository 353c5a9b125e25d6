#ifndef RUN_H
#define RUN_H

#include "items.h"
#include "options.h"

/* Fills, warms up, measures, waits for the last replies, prints one line of JSON. */
void load_run(const struct options *options, const struct items *items);

#endif
