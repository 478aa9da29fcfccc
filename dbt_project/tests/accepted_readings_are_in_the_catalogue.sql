-- SQL never knows a fleet's channels: a reading of a channel without catalogue entry has no unit and no limits.
select plant, fleet, channel, n_readings
from {{ ref('channel_coverage') }}
where n_readings > 0 and not is_in_catalogue
