-- A machine's stops and its running stretches cannot be longer together than the time that its record covers.
with

record as (
    select
        spans.plant,
        spans.fleet,
        spans.unit_id,
        {{ seconds_between('min(spans.first_ts_utc)', 'max(spans.last_ts_utc)') }} / 3600
            + coalesce(any_value(fleets.sample_period_s), 0) / 3600 as covered_h
    from {{ ref('int_unit_channel_span') }} as spans
    left join {{ ref('stg_fleet_catalogue') }} as fleets using (plant, fleet)
    group by spans.plant, spans.fleet, spans.unit_id
),

running as (
    select plant, fleet, unit_id, sum({{ seconds_between('first_ts_utc', 'last_ts_utc') }}) / 3600 as running_h
    from {{ ref('int_unit_state_run') }}
    where is_running
    group by all
),

standing as (
    select plant, fleet, unit_id, sum(hours) as standing_h
    from {{ ref('downtime') }}
    group by all
)

select plant, fleet, unit_id, covered_h, running_h, standing_h
from standing
left join record using (plant, fleet, unit_id)
left join running using (plant, fleet, unit_id)
-- A thousandth of an hour is more than rounding leaves.
where covered_h is null or standing_h + coalesce(running_h, 0) > covered_h + 0.001
