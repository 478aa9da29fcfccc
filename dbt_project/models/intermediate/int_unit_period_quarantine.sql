select
    plant,
    fleet,
    unit_id,
    ts_utc::date as reading_day,
    {{ period_of('ts_utc') }} as period,
    count(*) as n_quarantined
from {{ source('lake', 'quarantined_reading') }}
group by all
