select
    plant,
    fleet,
    unit_id,
    life::bigint as life,
    life_id,
    first_cycle,
    last_cycle,
    first_ts_utc,
    last_ts_utc,
    n_cycles,
    is_start_known,
    ended_by
from {{ source('lake', 'unit_life') }}
