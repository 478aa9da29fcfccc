select
    lives.plant,
    lives.fleet,
    lives.life_id,
    -- When a whole logger is silent, all its channels come back at the same time: that is one gap.
    count(distinct (readings.ts_utc, readings.cycle)) as n_gaps
from {{ source('lake', 'clean_reading') }} as readings
inner join {{ ref('int_life_span') }} as lives
    on readings.plant = lives.plant
    and readings.fleet = lives.fleet
    and readings.unit_id = lives.unit_id
    and {{ is_in_life('readings', 'lives') }}
where readings.is_after_gap
group by all
