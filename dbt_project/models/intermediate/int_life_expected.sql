with

lives as (
    select * from {{ ref('int_life_span') }}
),

running as (
    select * from {{ ref('int_unit_state_run') }} where is_running
),

running_of_life as (
    select
        lives.plant,
        lives.fleet,
        lives.life_id,
        sum({{ seconds_between(
            'greatest(running.first_ts_utc, lives.first_ts_utc)', 'least(running.end_ts_utc, lives.end_ts_utc)'
        ) }}) as running_s
    from lives
    inner join running
        on lives.plant = running.plant
        and lives.fleet = running.fleet
        and lives.unit_id = running.unit_id
        and running.first_ts_utc < lives.end_ts_utc
        and running.end_ts_utc > lives.first_ts_utc
    group by all
)

select
    lives.plant,
    lives.fleet,
    lives.life_id,
    -- How many readings of each channel a life should have: one a cycle in archives, else one a sample period
    -- while the machine runs. Unknown if the plant file names no sample period.
    case
        when lives.first_ts_utc is null then lives.last_cycle - lives.first_cycle + 1
        when fleets.state_channel is null
            then round({{ seconds_between('lives.first_ts_utc', 'lives.end_ts_utc') }} / fleets.sample_period_s)
        else round(running_of_life.running_s / fleets.sample_period_s)
    end as n_expected
from lives
left join {{ ref('stg_fleet_catalogue') }} as fleets using (plant, fleet)
left join running_of_life using (plant, fleet, life_id)
