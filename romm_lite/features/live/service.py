"""What others need of the sockets: the rooms to tell things to."""

from romm_lite.features.live.seats import LOGS as LOGS
from romm_lite.features.live.seats import user_room as user_room
