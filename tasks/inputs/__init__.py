"""User code, run apart from the build, and everything it reads.

    prepared   the build's side: starts the prepared process on demand, asks it for a child per call
    forking    the prepared process: torch is imported, nothing of the user's; it forks, waits and clears away
    child      the child: the call, in the project's folder, told in one line if it fails
    calls      what is called: stimulus, training, extraction, the float run
    loading    what a configuration names, found and called
    finder     which file a module's name stands for, and that it counts
    imports    what an import of the user's is given, or why not
    recorder/  C, preloaded: which files are opened, missed and listed
    journal    its log, read
    verdict    which inputs a call had, and whether they are still what they were
"""
