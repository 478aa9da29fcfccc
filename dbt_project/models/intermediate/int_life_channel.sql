with

lives as (
    select * from {{ ref('int_life_span') }}
),

inputs as (
    select plant, fleet, channel from {{ ref('stg_channel_catalogue') }} where role in ('sensor', 'setting')
),

accepted as (
    select
        lives.plant,
        lives.fleet,
        lives.life_id,
        readings.channel,
        count(*) as n_readings
    from {{ source('lake', 'clean_reading') }} as readings
    inner join lives
        on readings.plant = lives.plant
        and readings.fleet = lives.fleet
        and readings.unit_id = lives.unit_id
        and {{ is_in_life('readings', 'lives') }}
    group by all
)

select
    lives.plant,
    lives.fleet,
    lives.life_id,
    inputs.channel,
    coalesce(accepted.n_readings, 0) as n_readings
from lives
inner join inputs using (plant, fleet)
left join accepted using (plant, fleet, life_id, channel)
