with

seen as (
    select distinct plant, fleet, unit_id, {{ period_of('ts_utc') }} as period
    from {{ source('lake', 'clean_reading') }}
    union
    select distinct plant, fleet, unit_id, {{ period_of('ts_utc') }} as period
    from {{ source('lake', 'quarantined_reading') }}
)

select
    plant,
    fleet,
    count(distinct unit_id) as n_units_in_fleet,
    count(*) as n_unit_periods_in_fleet
from seen
group by all
