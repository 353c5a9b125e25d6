#ifndef IDLE_H
#define IDLE_H

#include "items.h"
#include "options.h"

/*
 * Opens the connections, says "open" on stdout, and holds them. Each line on stdin has one get
 * answered on every connection and "served" said; the end of stdin ends the program.
 */
void idle_run(const struct options *options, const struct items *items);

#endif
