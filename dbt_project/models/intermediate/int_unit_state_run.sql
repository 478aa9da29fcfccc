with

fleets as (
    select
        *,
        to_microseconds((sample_period_s * 1e6)::bigint) as sample_period
    from {{ ref('stg_fleet_catalogue') }}
),

states as (
    select
        readings.plant,
        readings.fleet,
        readings.unit_id,
        readings.ts_utc,
        readings.cycle,
        readings.is_after_gap,
        round(readings.value) = fleets.running_value as is_running,
        round(readings.value) = fleets.failed_value as is_failed,
        round(readings.value) = fleets.overhaul_value as is_overhaul,
        -- A state holds until the next one is told; the last one for the time of one reading.
        coalesce(lead(readings.ts_utc) over of_unit, readings.ts_utc + fleets.sample_period, readings.ts_utc)
            as until_ts_utc,
        coalesce(lead(readings.cycle) over of_unit, readings.cycle + 1) as until_cycle,
        coalesce(lead(readings.is_after_gap) over of_unit, false) as is_before_gap
    from {{ source('lake', 'clean_reading') }} as readings
    inner join fleets
        on readings.plant = fleets.plant
        and readings.fleet = fleets.fleet
        and readings.channel = fleets.state_channel
    window of_unit as (
        partition by readings.plant, readings.fleet, readings.unit_id order by readings.ts_utc, readings.cycle
    )
),

numbered as (
    select
        *,
        -- Readings that tell the same count on: those told so far, less those of the same kind.
        row_number() over (partition by plant, fleet, unit_id order by ts_utc, cycle)
        - row_number() over (partition by plant, fleet, unit_id, is_running order by ts_utc, cycle) as run_number
    from states
)

select
    plant,
    fleet,
    unit_id,
    is_running,
    min(ts_utc) as first_ts_utc,
    max(ts_utc) as last_ts_utc,
    max(until_ts_utc) as end_ts_utc,
    min(cycle) as first_cycle,
    max(cycle) as last_cycle,
    max(until_cycle) as end_cycle,
    bool_or(is_failed) as has_failed,
    bool_or(is_overhaul) as has_overhaul,
    bool_or(is_after_gap or is_before_gap) as has_gap
from numbered
group by plant, fleet, unit_id, is_running, run_number
