select
    plant,
    fleet,
    unit_id,
    channel,
    count(*) as n_readings,
    min(ts_utc) as first_ts_utc,
    max(ts_utc) as last_ts_utc,
    min(cycle) as first_cycle,
    max(cycle) as last_cycle
from {{ source('lake', 'clean_reading') }}
group by all
