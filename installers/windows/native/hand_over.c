/* What the installation does beyond Windows Installer's own tables: it closes the agent's folder, and leaves the token there.
 *
 * The folder C:\ProgramData\Fairwatch is made before anybody else can make it theirs: everybody may create folders in
 * ProgramData, and whoever owns one may change what is in it. The token goes from the hidden property into a file that
 * the system and administrators alone can read; no command line, registry value or log holds it. The service enrols
 * with it and deletes it.
 *
 * HandOver: deferred, as the system; CustomActionData is TOKEN|COLLECTOR|ROOT, each perhaps empty.
 * TakeBack: as the installation is rolled back, or the agent removed: the token goes, and the folder where it is empty.
 * https://learn.microsoft.com/windows/win32/msi/obtaining-context-information-for-deferred-execution-custom-actions
 */
#include <stdio.h>
#include <windows.h>
#include <aclapi.h>
#include <msi.h>
#include <msiquery.h>
#include <sddl.h>
#include <shlobj.h>

#define HANDED_MAX_CHARS 16384 /* a token has 4096 at most, an address 2048, a root 64 */

static const wchar_t CLOSED[] = L"O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

static UINT refuse(MSIHANDLE install, const wchar_t *sentence)
{
    MSIHANDLE record = MsiCreateRecord(1);
    MsiRecordSetStringW(record, 0, L"[1]");
    MsiRecordSetStringW(record, 1, sentence);
    MsiProcessMessage(install, INSTALLMESSAGE_ERROR, record);
    MsiCloseHandle(record);
    return ERROR_INSTALL_FAILURE;
}

static int in_folder(wchar_t *place, const wchar_t *rest)
{
    if (FAILED(SHGetFolderPathW(NULL, CSIDL_COMMON_APPDATA, NULL, SHGFP_TYPE_CURRENT, place)))
        return 0;
    if (wcslen(place) + wcslen(rest) >= MAX_PATH)
        return 0;
    wcscat(place, rest);
    return 1;
}

/* Whether an account is the one that this runs as, which is the system. */
static int is_own(PSID account)
{
    DWORD held[64], length = sizeof held;
    HANDLE token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return 0;
    int own = GetTokenInformation(token, TokenUser, held, length, &length) && EqualSid(account, ((TOKEN_USER *)(void *)held)->User.Sid);
    CloseHandle(token);
    return own;
}

/* Whether a folder that was there already is the system's or administrators', and no link to somewhere else. */
static int is_ours(HANDLE folder)
{
    BY_HANDLE_FILE_INFORMATION told;
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR held = NULL;
    if (!GetFileInformationByHandle(folder, &told) || (told.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
        return 0;
    if (GetSecurityInfo(folder, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &held))
        return 0;
    int ours = IsWellKnownSid(owner, WinBuiltinAdministratorsSid) || is_own(owner);
    LocalFree(held);
    return ours;
}

static int close_folder(const wchar_t *place)
{
    SECURITY_ATTRIBUTES closed = {sizeof closed, NULL, FALSE};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(CLOSED, SDDL_REVISION_1, &closed.lpSecurityDescriptor, NULL))
        return 0;
    int done = CreateDirectoryW(place, &closed);
    if (!done && GetLastError() == ERROR_ALREADY_EXISTS) {
        DWORD flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
        HANDLE folder = CreateFileW(place, READ_CONTROL | WRITE_DAC | FILE_READ_ATTRIBUTES, 7, NULL, OPEN_EXISTING, flags, NULL);
        PACL list = NULL;
        BOOL present, defaulted;
        GetSecurityDescriptorDacl(closed.lpSecurityDescriptor, &present, &list, &defaulted);
        done = folder != INVALID_HANDLE_VALUE && is_ours(folder)
            && !SetSecurityInfo(folder, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                NULL, NULL, list, NULL);
        if (folder != INVALID_HANDLE_VALUE)
            CloseHandle(folder);
    }
    LocalFree(closed.lpSecurityDescriptor);
    return done;
}

/* Writes plain ASCII; anything else in what was given is no token's. */
static int leave(const wchar_t *place, const wchar_t *text, DWORD length)
{
    static char plain[HANDED_MAX_CHARS];
    for (DWORD at = 0; at < length; at++)
        plain[at] = text[at] < 128 ? (char)text[at] : '?';
    HANDLE file = CreateFileW(place, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return 0;
    DWORD written = 0;
    int done = WriteFile(file, plain, length, &written, NULL) && written == length;
    CloseHandle(file);
    SecureZeroMemory(plain, sizeof plain);
    return done;
}

__declspec(dllexport) UINT __stdcall HandOver(MSIHANDLE install)
{
    static wchar_t given[HANDED_MAX_CHARS];
    DWORD length = HANDED_MAX_CHARS;
    wchar_t folder[MAX_PATH], file[MAX_PATH];
    if (!in_folder(folder, L"\\Fairwatch") || !in_folder(file, L"\\Fairwatch\\token"))
        return refuse(install, L"The folder ProgramData can't be found.");
    if (!close_folder(folder))
        return refuse(install, L"C:\\ProgramData\\Fairwatch is a link, or belongs to an account that is no administrator: "
                               L"look what it is, remove it, and install again.");
    if (MsiGetPropertyW(install, L"CustomActionData", given, &length) != ERROR_SUCCESS)
        return refuse(install, L"TOKEN, COLLECTOR and ROOT are longer than any token is.");
    int done = given[0] == L'|' || given[0] == 0 || leave(file, given, length);
    SecureZeroMemory(given, sizeof given);
    return done ? ERROR_SUCCESS : refuse(install, L"The token can't be written into C:\\ProgramData\\Fairwatch.");
}

__declspec(dllexport) UINT __stdcall TakeBack(MSIHANDLE install)
{
    wchar_t place[MAX_PATH];
    (void)install;
    if (in_folder(place, L"\\Fairwatch\\token"))
        DeleteFileW(place);
    if (in_folder(place, L"\\Fairwatch\\token.refused"))
        DeleteFileW(place);
    if (in_folder(place, L"\\Fairwatch"))
        RemoveDirectoryW(place);
    return ERROR_SUCCESS;
}
