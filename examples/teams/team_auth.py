"""Virtual keys without a database: who calls LiteLLM, by a file of keys.

LiteLLM calls `user_api_key_auth` for each request and passes what it returns to its guardrails, so that the bridge knows the team, the
alias of the key and the user. The file, which TEAM_KEYS_FILE names, holds the SHA-256 of each key and not the key.
"""

import hashlib
import hmac
import os

import yaml
from fastapi import Request
from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth

# All that an entry may say; a misspelt name ends the start
FIELDS = {"team_id", "team_alias", "key_alias", "user_id", "user_email"}


def read_keys(path: str) -> dict[str, dict]:
    with open(path, encoding="utf-8") as file:
        keys = yaml.safe_load(file)["keys"]
    for digest, caller in keys.items():
        if len(digest) != 64 or set(caller) - FIELDS:
            raise ValueError(f"{path}: {digest[:8]}…: 64 hex digits, and of each key only {', '.join(sorted(FIELDS))}")
    return keys


KEYS = read_keys(os.environ["TEAM_KEYS_FILE"])


async def user_api_key_auth(request: Request, api_key: str) -> UserAPIKeyAuth:
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    master_key = os.environ.get("LITELLM_MASTER_KEY", "")
    if master_key and hmac.compare_digest(api_key.encode(), master_key.encode()):
        return UserAPIKeyAuth(api_key=digest, key_alias="master", user_role=LitellmUserRoles.PROXY_ADMIN)
    caller = KEYS.get(digest)
    if caller is None:
        raise ProxyException(message="no such key", type="auth_error", param="api_key", code=401)
    # The hash in place of the key: what stands here is shown to guardrails
    return UserAPIKeyAuth(api_key=digest, user_role=LitellmUserRoles.INTERNAL_USER, **caller)
