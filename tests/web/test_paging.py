import pytest
from pydantic import ValidationError

from romm_lite.web.paging import Paging


def test_defaults() -> None:
    assert Paging().model_dump() == {"limit": 50, "offset": 0}


@pytest.mark.parametrize("values", [{"limit": 0}, {"limit": 10_001}, {"offset": -1}])
def test_out_of_range(values: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Paging.model_validate(values)
