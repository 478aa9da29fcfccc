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
    count(*) filter (where readings.channel = fleets.state_channel) as n_states,
    count(*) filter (where readings.channel = fleets.state_channel and round(readings.value) = fleets.running_value)
        as n_states_running,
    -- A channel that never moves in the whole fleet has no z-score.
    avg(abs(readings.value - fleet_channels.value_mean) / nullif(fleet_channels.value_sd, 0)) as mean_abs_z
from {{ source('lake', 'clean_reading') }} as readings
inner join fleet_channels using (plant, fleet, channel)
left join {{ ref('stg_fleet_catalogue') }} as fleets using (plant, fleet)
group by all
