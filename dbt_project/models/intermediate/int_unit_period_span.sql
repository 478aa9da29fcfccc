select
    plant,
    fleet,
    unit_id,
    {{ period_of('ts_utc') }} as period,
    count(distinct date_trunc('hour', ts_utc)) as hours_covered,
    count(distinct cycle) as cycles_covered
from {{ source('lake', 'clean_reading') }}
group by all
