"""Other machines by their old protocols: mail, FTP, SSH, LDAP, gRPC, and Git by its command.

https://docs.python.org/3/library/smtplib.html, https://docs.python.org/3/library/ftplib.html,
https://docs.paramiko.org/, https://docs.fabfile.org/, https://ldap3.readthedocs.io/, https://grpc.github.io/grpc/python/ and
https://gitpython.readthedocs.io/
"""

from rules.core.facts import Constant, Function, Site, last_name
from rules.core.library import Blocking, Library

_RULE = "clients/remote"
_SMTP, _IMAP, _POP, _FTP = "smtplib.SMTP", "imaplib.IMAP4", "poplib.POP3", "ftplib.FTP"
_SSH, _SFTP, _TRANSPORT = "paramiko.SSHClient", "paramiko.SFTPClient", "paramiko.Transport"
_FABRIC, _PYSFTP, _LDAP3 = "fabric.Connection", "pysftp.Connection", "ldap3.Connection"
_LDAP, _CHANNEL, _CALLABLE = "ldap.ldapobject.LDAPObject", "grpc.Channel", "grpc.UnaryUnaryMultiCallable"
_REPO, _REMOTE = "git.Repo", "git.Remote"

_SMTP_CALLS = ("connect", "starttls", "login", "sendmail", "send_message", "quit")
_IMAP_CALLS = (
    "login",
    "select",
    "search",
    "fetch",
    "store",
    "append",
    "copy",
    "uid",
    "list",
    "expunge",
    "logout",
    "noop",
)
_POP_CALLS = ("user", "pass_", "stat", "list", "retr", "dele", "top", "uidl", "quit")
_FTP_CALLS = (
    *("connect", "login", "retrbinary", "retrlines", "storbinary", "storlines", "nlst", "dir", "cwd", "mkd", "rmd"),
    *("delete", "rename", "size", "sendcmd", "quit"),
)
_SFTP_CALLS = (
    *("get", "getfo", "put", "putfo", "listdir", "listdir_attr", "stat", "lstat", "remove", "rename", "mkdir", "rmdir"),
    *("open", "chdir", "chmod"),
)


def names_a_server(site: Site, _function: Function) -> bool:
    """Whether an object is made with a server, and so connects at once."""
    return bool(site.call.arguments or dict(site.call.keywords).keys() & {"host", "hostname"})


def binds_at_once(site: Site, _function: Function) -> bool:
    """Whether an LDAP connection is made and opened in one."""
    how = dict(site.call.keywords).get("auto_bind", Constant(None, "None"))
    named = how.value if isinstance(how, Constant) else last_name(how)
    return named not in {None, False, "NONE", "DEFAULT", "AUTO_BIND_NONE", "AUTO_BIND_DEFAULT"}


library = Library(
    "Remote machines",
    blocking=(
        Blocking(_RULE, ("emails.message.Message.send",)),
        Blocking(_RULE, (_SMTP, "smtplib.SMTP_SSL", "smtplib.LMTP", _FTP, "ftplib.FTP_TLS"), when=names_a_server),
        Blocking(_RULE, (_IMAP, "imaplib.IMAP4_SSL", _POP, "poplib.POP3_SSL", _PYSFTP)),
        Blocking(_RULE, tuple(f"{_SMTP}.{name}" for name in _SMTP_CALLS)),
        Blocking(_RULE, tuple(f"{_IMAP}.{name}" for name in (*_IMAP_CALLS, "starttls"))),
        Blocking(_RULE, tuple(f"{_POP}.{name}" for name in _POP_CALLS)),
        Blocking(_RULE, tuple(f"{_FTP}.{name}" for name in _FTP_CALLS)),
        Blocking(_RULE, (f"{_FTP}.mlsd",), lazy=True),
        Blocking(_RULE, tuple(f"{_SSH}.{name}" for name in ("connect", "exec_command", "open_sftp", "invoke_shell"))),
        Blocking(_RULE, tuple(f"{_SFTP}.{name}" for name in _SFTP_CALLS)),
        Blocking(_RULE, (f"{_TRANSPORT}.connect", f"{_SFTP}.from_transport")),
        Blocking(_RULE, tuple(f"{_FABRIC}.{name}" for name in ("run", "sudo", "local", "put", "get", "open"))),
        Blocking(
            _RULE,
            tuple(
                f"{_PYSFTP}.{name}"
                for name in ("get", "put", "get_d", "put_d", "get_r", "put_r", "getfo", "putfo", "listdir", "execute")
            ),
        ),
        Blocking(_RULE, (_LDAP3,), when=binds_at_once),
        Blocking(
            _RULE,
            tuple(
                f"{_LDAP3}.{name}"
                for name in ("bind", "rebind", "open", "start_tls", "search", "add", "modify", "modify_dn", "delete")
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"{_LDAP}.{name}"
                for name in ("simple_bind_s", "bind_s", "search_s", "search_ext_s", "modify_s", "add_s", "delete_s")
            ),
        ),
        Blocking(_RULE, (f"{_CALLABLE}.__call__", f"{_CALLABLE}.with_call", "grpc.Future.result")),
        Blocking(_RULE, (f"{_REPO}.clone_from", f"{_REPO}.clone", f"{_REPO}.git.*")),
        Blocking(
            _RULE,
            tuple(
                f"{remote}.{name}"
                for remote in (_REMOTE, f"{_REPO}.remotes.origin")
                for name in ("pull", "push", "fetch", "update")
            ),
        ),
    ),
    aliases={
        "emails.Message": "emails.message.Message",
        "paramiko.client.SSHClient": _SSH,
        "paramiko.sftp_client.SFTPClient": _SFTP,
        "paramiko.SFTP": _SFTP,
        "paramiko.transport.Transport": _TRANSPORT,
        "fabric.connection.Connection": _FABRIC,
        "ldap3.core.connection.Connection": _LDAP3,
        "git.repo.Repo": _REPO,
        "git.repo.base.Repo": _REPO,
        "git.remote.Remote": _REMOTE,
    },
    bases={
        "smtplib.SMTP_SSL": (_SMTP,),
        "smtplib.LMTP": (_SMTP,),
        "imaplib.IMAP4_SSL": (_IMAP,),
        "poplib.POP3_SSL": (_POP,),
        "ftplib.FTP_TLS": (_FTP,),
    },
    results={
        f"{_SSH}.open_sftp": _SFTP,
        f"{_SFTP}.from_transport": _SFTP,
        "ldap.initialize": _LDAP,
        **{f"grpc.{name}": _CHANNEL for name in ("insecure_channel", "secure_channel", "intercept_channel")},
        f"{_CHANNEL}.unary_unary": _CALLABLE,
        f"{_CALLABLE}.future": "grpc.Future",
        "grpc.channel_ready_future": "grpc.Future",
        f"{_REPO}.clone_from": _REPO,
        f"{_REPO}.init": _REPO,
        f"{_REPO}.remote": _REMOTE,
        f"{_REPO}.create_remote": _REMOTE,
    },
    quick=frozenset({f"{_REPO}.git.clear_cache", f"{_REPO}.git.get_object_header"}),
    exclusive=frozenset({_SMTP, _IMAP, _POP, _FTP}),  # one question and its answer at a time
)
