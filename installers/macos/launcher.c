/* The program `fairwatch-agent` on macOS: Python and the agent's start.py in one process, under a name and signature of
 * its own. Full Disk Access is given to this program: given to a plain Python it would be for whatever anybody runs with
 * that. So it takes nothing from the environment, no other script and none of Python's options.
 * Source: docs.python.org, "Python Initialization Configuration".
 */
#include <Python.h>

#ifndef FAIRWATCH_HOME
#define FAIRWATCH_HOME L"/Library/Fairwatch"
#endif
#ifndef FAIRWATCH_PYTHON
#define FAIRWATCH_PYTHON FAIRWATCH_HOME L"/python"
#endif

static void refuse(PyStatus status) {
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
}

int main(int argc, char **argv) {
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.parse_argv = 0;
    config.site_import = 0;
    config.write_bytecode = 0;
    config.install_signal_handlers = 1;
    refuse(PyConfig_SetString(&config, &config.home, FAIRWATCH_PYTHON));
    refuse(PyConfig_SetString(&config, &config.program_name, FAIRWATCH_HOME L"/fairwatch-agent"));
    refuse(PyConfig_SetString(&config, &config.executable, FAIRWATCH_HOME L"/fairwatch-agent"));
    refuse(PyConfig_SetString(&config, &config.run_filename, FAIRWATCH_HOME L"/start.py"));
    refuse(PyConfig_SetBytesArgv(&config, argc, argv));
    refuse(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
    /* What starts itself again (agent/program.py) starts this program, and no interpreter. */
    if (PySys_SetObject("frozen", Py_True) != 0) {
        PyErr_Print();
        return 1;
    }
    return Py_RunMain();
}
