select
    plant,
    fleet,
    channel,
    tag,
    unit,
    role,
    low as value_low,
    high as value_high
from {{ source('lake', 'channel_catalogue') }}
