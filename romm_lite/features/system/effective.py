"""The effective configuration as clients read it."""

from romm_lite.disk.config import ConfigFile
from romm_lite.disk.exclusions import DEFAULT_DIRS, DEFAULT_EXTENSIONS, DEFAULT_FILES
from romm_lite.wire.config import ConfigResponse

_OF_THE_FILE = (
    "CONFIG_FILE_MOUNTED",
    "CONFIG_FILE_WRITABLE",
    "CONFIG_FILE_PARSE_ERROR",
    "DEFAULT_EXCLUDED_DIRS",
    "DEFAULT_EXCLUDED_FILES",
    "DEFAULT_EXCLUDED_EXTENSIONS",
)


def show_config(config: ConfigFile, *, to_stranger: bool) -> ConfigResponse:
    """config.yml with its defaults; strangers see neither its mistakes nor the ICE servers."""
    effective, state = config.read(), config.state()
    names = [name for name in ConfigResponse.model_fields if name not in _OF_THE_FILE]
    values = {name: getattr(effective, name.lower()) for name in names}
    if to_stranger:
        values["EJS_NETPLAY_ICE_SERVERS"] = []
    return ConfigResponse(
        CONFIG_FILE_MOUNTED=state.mounted,
        CONFIG_FILE_WRITABLE=state.writable,
        CONFIG_FILE_PARSE_ERROR=None if to_stranger else state.parse_error,
        DEFAULT_EXCLUDED_DIRS=list(DEFAULT_DIRS),
        DEFAULT_EXCLUDED_FILES=list(DEFAULT_FILES),
        DEFAULT_EXCLUDED_EXTENSIONS=list(DEFAULT_EXTENSIONS),
        **values,
    )
