"""Password hashes, which are slow on purpose.

https://github.com/pyca/bcrypt, https://passlib.readthedocs.io/, https://frankie567.github.io/pwdlib/,
https://argon2-cffi.readthedocs.io/ and https://docs.python.org/3/library/hashlib.html#key-derivation
"""

from rules.core.facts import Constant, Function, Site
from rules.core.library import Blocking, Library, Weight

RULE = "blocking/hashing"
FEW_ROUNDS = 10_000  # of PBKDF2: two or three milliseconds

_PASSLIB = (
    *("argon2", "bcrypt", "bcrypt_sha256", "pbkdf2_sha1", "pbkdf2_sha256", "pbkdf2_sha512"),
    *("scrypt", "sha256_crypt", "sha512_crypt"),
)
_CRYPTOGRAPHY = {"pbkdf2": "PBKDF2HMAC", "scrypt": "Scrypt", "argon2": "Argon2id"}
_PWDLIB = ("pwdlib.hashers.argon2.Argon2Hasher", "pwdlib.hashers.bcrypt.BcryptHasher")


def has_many_rounds(site: Site, _function: Function) -> bool:
    """Whether PBKDF2 goes many rounds, or as many as somebody else says."""
    given = site.call.arguments[3] if len(site.call.arguments) > 3 else dict(site.call.keywords).get("iterations")
    return not (isinstance(given, Constant) and isinstance(given.value, int) and given.value < FEW_ROUNDS)


library = Library(
    "Password hashes",
    blocking=(
        Blocking(RULE, tuple(f"bcrypt.{name}" for name in ("hashpw", "checkpw", "kdf")), Weight.CPU),
        Blocking(
            RULE,
            tuple(
                f"passlib.context.CryptContext.{name}"
                for name in ("hash", "verify", "verify_and_update", "encrypt", "dummy_verify")
            ),
            Weight.CPU,
        ),
        Blocking(
            RULE,
            tuple(f"passlib.hash.{scheme}.{name}" for scheme in _PASSLIB for name in ("hash", "verify", "encrypt")),
            Weight.CPU,
        ),
        Blocking(
            RULE,
            tuple(f"pwdlib.PasswordHash.{name}" for name in ("hash", "verify", "verify_and_update")),
            Weight.CPU,
        ),
        Blocking(RULE, tuple(f"{hasher}.{name}" for hasher in _PWDLIB for name in ("hash", "verify")), Weight.CPU),
        Blocking(RULE, tuple(f"argon2.PasswordHasher.{name}" for name in ("hash", "verify")), Weight.CPU),
        Blocking(
            RULE,
            tuple(f"argon2.low_level.{name}" for name in ("hash_secret", "hash_secret_raw", "verify_secret")),
            Weight.CPU,
        ),
        Blocking(RULE, ("hashlib.pbkdf2_hmac",), Weight.CPU, when=has_many_rounds),
        Blocking(RULE, ("hashlib.scrypt",), Weight.CPU),
        Blocking(
            RULE,
            tuple(f"werkzeug.security.{name}_password_hash" for name in ("generate", "check")),
            Weight.CPU,
        ),
        Blocking(
            RULE,
            tuple(
                f"cryptography.hazmat.primitives.kdf.{module}.{made}.{name}"
                for module, made in _CRYPTOGRAPHY.items()
                for name in ("derive", "verify")
            ),
            Weight.CPU,
        ),
    ),
    aliases={
        **{f"bcrypt._bcrypt.{name}": f"bcrypt.{name}" for name in ("hashpw", "checkpw", "kdf")},
        "pwdlib._hash.PasswordHash": "pwdlib.PasswordHash",
        "argon2._password_hasher.PasswordHasher": "argon2.PasswordHasher",
    },
    bases={"passlib.context.LazyCryptContext": ("passlib.context.CryptContext",)},
    results={
        "pwdlib.PasswordHash.recommended": "pwdlib.PasswordHash",
        "argon2.PasswordHasher.from_parameters": "argon2.PasswordHasher",
        "passlib.context.CryptContext.from_string": "self",
        "passlib.context.CryptContext.copy": "self",
        "passlib.context.CryptContext.using": "self",
        **{f"passlib.hash.{scheme}.using": "self" for scheme in _PASSLIB},
    },
)
