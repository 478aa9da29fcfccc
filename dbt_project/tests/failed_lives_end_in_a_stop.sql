-- Lives are found in sensor tables, stops in readings. A life that failed without a stop of that kind means that the
-- state channel's `aggregate` has made a state that was never told (the mean of 1 and 3 is 2).
select lives.plant, lives.fleet, lives.life_id, lives.last_ts_utc
from {{ source('lake', 'unit_life') }} as lives
inner join {{ ref('stg_fleet_catalogue') }} as fleets using (plant, fleet)
where
    lives.ended_by = 'failure'
    and lives.last_ts_utc is not null
    and fleets.state_channel is not null
    and not exists (
        select 1
        from {{ ref('downtime') }} as stops
        where
            stops.plant = lives.plant
            and stops.fleet = lives.fleet
            and stops.unit_id = lives.unit_id
            and stops.kind = 'failure'
            and coalesce(stops.to_ts_utc, 'infinity'::timestamptz) > lives.last_ts_utc
    )
