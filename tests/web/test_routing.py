from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.web.routing import Tree, route_path


def tree_of(*patterns: str) -> Tree[str]:
    tree: Tree[str] = Tree()
    for pattern in patterns:
        method, _, path = pattern.partition(" ")
        tree.add(method, path, pattern)
    return tree


def test_fixed_path_is_found_with_and_without_slash() -> None:
    tree = tree_of("GET /api/roms")
    assert tree.find("GET", "/api/roms") == ("GET /api/roms", ())
    assert tree.find("GET", "/api/roms/") == ("GET /api/roms", ())


def test_two_slashes_are_another_path() -> None:
    assert tree_of("GET /api/roms").find("GET", "/api/roms//") == frozenset()


def test_fixed_segment_beats_a_parameter_written_before_it() -> None:
    tree = tree_of("GET /roms/{id}", "GET /roms/download")
    assert tree.find("GET", "/roms/download") == ("GET /roms/download", ())
    assert tree.find("GET", "/roms/7") == ("GET /roms/{id}", ("7",))


def test_fixed_path_of_another_method_leaves_the_parameter_its_chance() -> None:
    tree = tree_of("GET /roms/download", "PUT /roms/{id}")
    assert tree.find("PUT", "/roms/download") == ("PUT /roms/{id}", ("download",))


def test_a_fixed_segment_that_leads_nowhere_is_left_again() -> None:
    tree = tree_of("GET /a/b/c", "GET /{x}/b/d")
    assert tree.find("GET", "/a/b/d") == ("GET /{x}/b/d", ("a",))


def test_tail_takes_the_rest_and_comes_last() -> None:
    tree = tree_of("GET /raw/{path:path}", "GET /raw/{name}", "GET /raw/x")
    assert tree.find("GET", "/raw/a/b/c.png") == ("GET /raw/{path:path}", ("a/b/c.png",))
    assert tree.find("GET", "/raw/a") == ("GET /raw/{name}", ("a",))
    assert tree.find("GET", "/raw/") == frozenset()


def test_other_methods_are_told() -> None:
    tree = tree_of("GET /roms/{id}", "PUT /roms/{rom_id}")
    assert tree.find("POST", "/roms/1") == frozenset({"GET", "PUT"})


def test_parameter_is_never_empty() -> None:
    assert tree_of("GET /roms/{id}/notes").find("GET", "/roms//notes") == frozenset()


def test_root() -> None:
    tree = tree_of("GET /")
    assert tree.find("GET", "/") == ("GET /", ())
    assert tree.find("GET", "") == ("GET /", ())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("GET /roms/{id}", "GET /roms/{rom_id}"),
        ("GET /roms", "GET /roms"),
        ("GET /raw/{path:path}", "GET /raw/{rest:path}"),
    ],
)
def test_pattern_that_an_earlier_one_hides_is_refused(first: str, second: str) -> None:
    with pytest.raises(TypeError, match="hidden"):
        tree_of(first, second)


@pytest.mark.parametrize("pattern", ["roms", "/roms/", "/a{id}", "/{path:path}/x", "/{id:int}"])
def test_pattern_that_makes_no_sense_is_refused(pattern: str) -> None:
    with pytest.raises(TypeError):
        tree_of(f"GET {pattern}")


SEGMENT = st.sampled_from(["a", "b", "{x}", "{y}"])
PATTERN = st.lists(SEGMENT, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(PATTERN, max_size=8, unique_by=lambda p: p.replace("{y}", "{x}")), PATTERN)
def test_every_match_is_a_pattern_that_fits(patterns: list[str], path: str) -> None:
    path = path.replace("{x}", "1").replace("{y}", "2")
    found = tree_of(*(f"GET {pattern}" for pattern in patterns)).find("GET", path)

    def fits(pattern: str) -> bool:
        parts, asked = pattern.split("/"), path.split("/")
        pairs = zip(parts, asked, strict=False)
        return len(parts) == len(asked) and all(p[:1] == "{" or p == a for p, a in pairs)

    expected = [p for p in patterns if fits(p)]
    if isinstance(found, tuple):
        assert found[0].removeprefix("GET ") in expected
    else:
        assert not expected


def test_path_below_a_mount() -> None:
    def scope(path: str, root: str) -> dict[str, Any]:
        return {"path": path, "root_path": root}

    assert route_path(scope("/assets/x", "/assets")) == "/x"
    assert route_path(scope("/assetsx", "/assets")) == "/assetsx"
    assert route_path(scope("/x", "")) == "/x"
