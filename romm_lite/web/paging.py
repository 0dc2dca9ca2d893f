"""The two query parameters of every paged list."""

from typing import Annotated

from pydantic import BaseModel, Field


class Paging(BaseModel):
    """Base of a list's query model: ``limit`` rows from ``offset`` on."""

    limit: Annotated[int, Field(ge=1, le=10_000)] = 50
    offset: Annotated[int, Field(ge=0)] = 0
