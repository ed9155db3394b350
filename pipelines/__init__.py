"""When it runs: the one Definitions, jobs, schedules, automation, the command line."""
