select
    plant,
    fleet,
    unit_id,
    {{ period_of('ts_utc') }} as period,
    count(distinct date_trunc('hour', ts_utc)) as hours_covered,
    count(distinct cycle) as cycles_covered,
    -- When a whole logger is silent, all its channels come back at the same time: that is one gap.
    count(distinct (ts_utc, cycle)) filter (where is_after_gap) as n_gaps
from {{ source('lake', 'clean_reading') }}
group by all
