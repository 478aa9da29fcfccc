select
    lives.plant,
    lives.fleet,
    lives.life_id,
    count(*) as n_quarantined
from {{ source('lake', 'quarantined_reading') }} as readings
inner join {{ source('lake', 'channel_tag') }} as tags
    on readings.plant = tags.plant
    and readings.fleet = tags.fleet
    and readings.channel = tags.tag
inner join {{ ref('stg_channel_catalogue') }} as catalogue
    on tags.plant = catalogue.plant
    and tags.fleet = catalogue.fleet
    and tags.channel = catalogue.channel
    and catalogue.role in ('sensor', 'setting')
inner join {{ ref('int_life_span') }} as lives
    on readings.plant = lives.plant
    and readings.fleet = lives.fleet
    and readings.unit_id = lives.unit_id
    and {{ is_in_life('readings', 'lives') }}
group by all
