select
    lives.plant,
    lives.fleet,
    lives.unit_id,
    lives.life_id,
    lives.first_cycle,
    lives.last_cycle,
    lives.first_ts_utc,
    lives.last_ts_utc + to_microseconds((fleets.cycle_length_s * 1e6)::bigint) as end_ts_utc
from {{ ref('stg_unit_life') }} as lives
left join {{ ref('stg_fleet_catalogue') }} as fleets using (plant, fleet)
