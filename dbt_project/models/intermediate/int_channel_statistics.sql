select
    plant,
    fleet,
    channel,
    count(distinct unit_id) as n_units,
    count(distinct unit_id || ' ' || {{ period_of('ts_utc') }}) as n_unit_periods,
    count(*) as n_readings,
    count(*) filter (where is_after_gap) as n_gaps,
    min(ts_utc) as first_ts_utc,
    max(ts_utc) as last_ts_utc,
    min(cycle) as first_cycle,
    max(cycle) as last_cycle,
    min(value) as value_min,
    avg(value) as value_mean,
    max(value) as value_max,
    stddev_pop(value) as value_sd
from {{ source('lake', 'clean_reading') }}
group by all
