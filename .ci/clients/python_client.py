"""One right and one wrong call of each operation, with the client of openapi-python-client. mypy reports a right call
that does not type-check, and a wrong one that does, as an unused `type: ignore`. `run` compares the operations."""

from python_client.api.e_mail_addresses import confirm_email, confirm_email_resend, revert_email
from python_client.api.passwords import reset_password, reset_password_complete, reset_password_complete_patch
from python_client.api.sessions import (
    jwks,
    jwks_discovery,
    log_in,
    log_out,
    sessions,
    sessions_end,
    sessions_end_all,
    sign_up,
    token,
)
from python_client.api.users import delete_account, get_user, update_details
from python_client.client import AuthenticatedClient, Client
from python_client.models import (
    AccessTokenRequest,
    ConfirmEmail,
    DeleteAccount,
    LogInByEmail,
    ResetPassword,
    ResetPasswordComplete,
    RevertEmail,
    SignUp,
    UpdateDetails,
)

API = "http://127.0.0.1:3000"
PASSWORD = "correct horse battery staple"
EMAIL = "john@example.com"
RESET_TOKEN = "1bgjxeqq935-91ef0c1608b20c9c5bd9e003bbb600229c0dfeb1"

client = Client(base_url=API)
signed_in = AuthenticatedClient(base_url=API, token="token")
completion = ResetPasswordComplete(new_password=PASSWORD, password_confirmation=PASSWORD, reset_token=RESET_TOKEN)


def right() -> None:
    sign_up.sync(client=client, body=SignUp(username="jc123", email=EMAIL, password=PASSWORD))
    log_in.sync(client=client, body=LogInByEmail(email=EMAIL, password=PASSWORD))
    log_out.sync_detailed(client=signed_in)
    sessions.sync(client=signed_in)
    sessions_end_all.sync_detailed(client=signed_in)
    sessions_end.sync_detailed(client=signed_in, id="5f0f9f5a3b1f4f2f8a1f0c7f6b2d9e31")
    confirm_email.sync(client=client, body=ConfirmEmail(key=RESET_TOKEN))
    confirm_email_resend.sync(client=signed_in)
    revert_email.sync(client=client, body=RevertEmail(key=RESET_TOKEN, new_password=PASSWORD, password_confirmation=PASSWORD))
    get_user.sync(client=signed_in, id=4820017366291073)
    update_details.sync(client=signed_in, body=UpdateDetails(current_password=PASSWORD, email=EMAIL))
    delete_account.sync_detailed(client=signed_in, body=DeleteAccount(current_password=PASSWORD))
    reset_password.sync(client=client, body=ResetPassword(email=EMAIL))
    reset_password_complete.sync(client=client, body=completion)
    reset_password_complete_patch.sync(client=client, body=completion)
    jwks.sync(client=client)
    jwks_discovery.sync(client=client)
    token.sync(client=signed_in, body=AccessTokenRequest(audience="api"))


def wrong() -> None:
    sign_up.sync(client=client, body=SignUp(username="jc123", email=42, password=PASSWORD))  # type: ignore[arg-type]
    log_in.sync(client=client, body=LogInByEmail(password=PASSWORD))  # type: ignore[call-arg]
    log_out.sync_detailed(client=client)  # type: ignore[arg-type]
    sessions.sync(client=client)  # type: ignore[arg-type]
    sessions_end_all.sync_detailed(client=client)  # type: ignore[arg-type]
    sessions_end.sync_detailed(client=signed_in, id=5)  # type: ignore[arg-type]
    confirm_email.sync(client=client, body=ConfirmEmail())  # type: ignore[call-arg]
    confirm_email_resend.sync(client=client)  # type: ignore[arg-type]
    revert_email.sync(client=client, body=RevertEmail(key=RESET_TOKEN))  # type: ignore[call-arg]
    get_user.sync(client=signed_in, id="jc123")  # type: ignore[arg-type]
    update_details.sync(client=signed_in, body=UpdateDetails(email=EMAIL))  # type: ignore[call-arg]
    delete_account.sync_detailed(client=signed_in, body=DeleteAccount())  # type: ignore[call-arg]
    reset_password.sync(client=client, body=ResetPassword(email=[EMAIL]))  # type: ignore[arg-type]
    reset_password_complete.sync(client=client, body={"reset_token": RESET_TOKEN})  # type: ignore[arg-type]
    reset_password_complete_patch.sync(client=client, body=ResetPassword(email=EMAIL))  # type: ignore[arg-type]
    jwks.sync(client=client, kid=1)  # type: ignore[call-arg]
    jwks_discovery.sync(client=client, issuer="x")  # type: ignore[call-arg]
    token.sync(client=signed_in, body=AccessTokenRequest(audience=1))  # type: ignore[arg-type]
