with

channels as (
    select unit_channels.*, catalogue.role
    from {{ ref('int_unit_channel_period') }} as unit_channels
    left join {{ ref('stg_channel_catalogue') }} as catalogue using (plant, fleet, channel)
),

units as (
    select
        plant,
        fleet,
        unit_id,
        reading_day,
        period,
        sum(n_readings)::bigint as n_accepted,
        count(*) filter (where role = 'sensor') as n_sensors_seen,
        sum(n_states_running) / nullif(sum(n_states), 0) as running_share,
        avg(mean_abs_z) filter (where role = 'sensor') as mean_abs_z,
        max(mean_abs_z) filter (where role = 'sensor') as max_channel_abs_z,
        first(channel order by mean_abs_z desc, channel) filter (where role = 'sensor' and mean_abs_z is not null)
            as max_z_channel
    from channels
    group by all
),

expected as (
    select plant, fleet, count(*) as n_sensors_expected
    from {{ ref('stg_channel_catalogue') }}
    where role = 'sensor'
    group by all
)

select
    plant,
    fleet,
    unit_id,
    period,
    coalesce(units.reading_day, quarantined.reading_day) as reading_day,
    coalesce(units.n_accepted, 0) as n_accepted,
    coalesce(quarantined.n_quarantined, 0) as n_quarantined,
    coalesce(units.n_accepted, 0)
        / (coalesce(units.n_accepted, 0) + coalesce(quarantined.n_quarantined, 0)) as accepted_share,
    coalesce(units.n_sensors_seen, 0) as n_sensors_seen,
    coalesce(expected.n_sensors_expected, 0) as n_sensors_expected,
    coalesce(spans.hours_covered, 0) as hours_covered,
    coalesce(spans.cycles_covered, 0) as cycles_covered,
    units.running_share,
    units.mean_abs_z,
    units.max_channel_abs_z,
    units.max_z_channel,
    coalesce(spans.n_gaps, 0) as n_gaps
from units
full outer join {{ ref('int_unit_period_quarantine') }} as quarantined using (plant, fleet, unit_id, period)
left join {{ ref('int_unit_period_span') }} as spans using (plant, fleet, unit_id, period)
left join expected using (plant, fleet)
