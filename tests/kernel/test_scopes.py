from romm_lite.kernel.scopes import ALL_SCOPES, READ_SCOPES, Scope, project


def test_the_order_is_that_of_the_wire() -> None:
    assert [str(scope) for scope in ALL_SCOPES[:3]] == ["me.read", "roms.read", "platforms.read"]
    assert str(ALL_SCOPES[-1]) == "logs.read"
    assert len(ALL_SCOPES) == 22


def test_read_scopes_only_read() -> None:
    assert all(scope.endswith(".read") for scope in READ_SCOPES)
    assert Scope.USERS_READ not in READ_SCOPES


def test_grants_become_scopes() -> None:
    scopes = project([("roms", "read"), ("roms", "delete"), ("tasks", "write"), ("logs", "read")])
    assert scopes == (
        Scope.ME_READ,
        Scope.ROMS_READ,
        Scope.ROMS_USER_READ,
        Scope.ME_WRITE,
        Scope.ROMS_USER_WRITE,
        Scope.TASKS_RUN,
        Scope.LOGS_READ,
    )
