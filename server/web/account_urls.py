"""Which address is which of IT's pages about accounts."""

from django.urls import path

from server.web import accounts

urlpatterns = [
    path("", accounts.account_list, name="accounts"),
    path("add", accounts.add, name="account_add"),
    path("<int:user_id>/", accounts.account, name="account"),
    path("<int:user_id>/change", accounts.change, name="account_change"),
    path("<int:user_id>/invite", accounts.invite, name="account_invite"),
    path("<int:user_id>/withdraw", accounts.withdraw, name="account_withdraw"),
    path("<int:user_id>/reset", accounts.reset, name="account_reset"),
    path("<int:user_id>/close", accounts.close, name="account_close"),
    path("<int:user_id>/reopen", accounts.reopen, name="account_reopen"),
    path("<int:user_id>/disconnect", accounts.disconnect, name="account_disconnect"),
]
