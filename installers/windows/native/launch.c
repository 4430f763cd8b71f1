/* The programs fairwatch-agent.exe and (without a console window) fairwatch-session.exe: start the agent's command line.
 *
 * They load the Python in the folder `python` beside them, and from nowhere else, and hand it all words. A program of
 * our own, as https://docs.python.org/3/using/windows.html#embedding-python-into-an-application has it, so that
 * people and IT see in the Task Manager what runs, and rules can name it.
 */
#include <stdio.h>
#include <windows.h>

typedef int (*main_of_python)(int, wchar_t **);

static int fail(const wchar_t *folder)
{
    fwprintf(stderr, L"fairwatch-agent: there is no Python in %ls: this package was built without one\n", folder);
    return 2;
}

int wmain(int count, wchar_t **words)
{
    wchar_t folder[MAX_PATH], library[MAX_PATH];
    DWORD length = GetModuleFileNameW(NULL, folder, MAX_PATH);
    if (length == 0 || length >= MAX_PATH - 32)
        return fail(L"so long a path");
    wcscpy(wcsrchr(folder, L'\\') + 1, L"python");
    wcscat(wcscpy(library, folder), L"\\" PYTHON_LIBRARY);

    /* Neither the folder that it was started in nor PATH may put a library before ours: the service is the system. */
    SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
    AddDllDirectory(folder);
    HMODULE python = LoadLibraryExW(library, NULL, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
    main_of_python start = python ? (main_of_python)(void *)GetProcAddress(python, "Py_Main") : NULL;
    wchar_t **all = calloc(count + 4, sizeof *all);
    if (!start || !all)
        return fail(folder);

    int given = 0;
    all[given++] = words[0];
    all[given++] = L"-I";
    all[given++] = L"-m";
    all[given++] = L"agent";
    for (int word = 1; word < count; word++)
        all[given++] = words[word];
    return start(given, all);
}
