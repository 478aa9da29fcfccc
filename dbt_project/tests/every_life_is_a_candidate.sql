-- A life that is missing here was lost in a join, or its unit's fleet is not in the catalogue: nobody would miss it.
select lives.plant, lives.fleet, lives.life_id as life_id_made, candidates.life_id as life_id_judged
from {{ source('lake', 'unit_life') }} as lives
full outer join {{ ref('training_set_candidates') }} as candidates using (plant, fleet, life_id)
where lives.life_id is null or candidates.life_id is null
