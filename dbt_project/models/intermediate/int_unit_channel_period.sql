with

fleet_channels as (
    select plant, fleet, channel, value_mean, value_sd from {{ ref('int_channel_statistics') }}
)

select
    readings.plant,
    readings.fleet,
    readings.unit_id,
    readings.channel,
    readings.ts_utc::date as reading_day,
    {{ period_of('readings.ts_utc') }} as period,
    count(*) as n_readings,
    count(*) filter (where readings.is_after_gap) as n_gaps,
    count(*) filter (where readings.value = 1) as n_readings_at_one,
    -- A channel that never moves in the whole fleet has no z-score.
    avg(abs(readings.value - fleet_channels.value_mean) / nullif(fleet_channels.value_sd, 0)) as mean_abs_z
from {{ source('lake', 'clean_reading') }} as readings
inner join fleet_channels using (plant, fleet, channel)
group by all
