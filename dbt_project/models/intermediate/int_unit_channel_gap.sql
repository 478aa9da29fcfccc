-- The reading before a gap is looked for on its own day, and else on the last day before that has readings. One window
-- over all readings would say the same, and hold all of them in memory.
with

flagged as (
    select plant, fleet, unit_id, channel, ts_utc, cycle, {{ stretch_of('ts_utc', 'cycle') }} as stretch
    from {{ source('lake', 'clean_reading') }}
    where is_after_gap
),

stretches as (
    select
        plant,
        fleet,
        unit_id,
        channel,
        {{ stretch_of('ts_utc', 'cycle') }} as stretch,
        max(ts_utc) as last_ts_utc,
        max(cycle) as last_cycle
    from {{ source('lake', 'clean_reading') }}
    group by all
),

previous_stretch as (
    select
        plant,
        fleet,
        unit_id,
        channel,
        stretch,
        lag(last_ts_utc) over of_channel as last_ts_utc,
        lag(last_cycle) over of_channel as last_cycle
    from stretches
    window of_channel as (partition by plant, fleet, unit_id, channel order by stretch)
),

same_stretch as (
    select
        flagged.plant,
        flagged.fleet,
        flagged.unit_id,
        flagged.channel,
        flagged.ts_utc,
        flagged.cycle,
        max(readings.ts_utc) as last_ts_utc,
        max(readings.cycle) as last_cycle
    from {{ source('lake', 'clean_reading') }} as readings
    inner join flagged
        on readings.plant = flagged.plant
        and readings.fleet = flagged.fleet
        and readings.unit_id = flagged.unit_id
        and readings.channel = flagged.channel
        and {{ stretch_of('readings.ts_utc', 'readings.cycle') }} = flagged.stretch
        and (readings.ts_utc < flagged.ts_utc or (flagged.ts_utc is null and readings.cycle < flagged.cycle))
    group by all
)

select
    flagged.plant,
    flagged.fleet,
    flagged.unit_id,
    flagged.channel,
    {{ seconds_between('coalesce(same_stretch.last_ts_utc, previous_stretch.last_ts_utc)', 'flagged.ts_utc') }} / 3600
        as gap_h,
    flagged.cycle - coalesce(same_stretch.last_cycle, previous_stretch.last_cycle) as gap_cycles
from flagged
left join same_stretch
    on flagged.plant = same_stretch.plant
    and flagged.fleet = same_stretch.fleet
    and flagged.unit_id = same_stretch.unit_id
    and flagged.channel = same_stretch.channel
    and flagged.ts_utc is not distinct from same_stretch.ts_utc
    and flagged.cycle is not distinct from same_stretch.cycle
left join previous_stretch
    on flagged.plant = previous_stretch.plant
    and flagged.fleet = previous_stretch.fleet
    and flagged.unit_id = previous_stretch.unit_id
    and flagged.channel = previous_stretch.channel
    and flagged.stretch = previous_stretch.stretch
