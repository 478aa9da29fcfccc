-- A life that is fit for training but did not end in failure would teach a model an end that never came.
select candidates.plant, candidates.fleet, candidates.life_id
from {{ ref('training_set_candidates') }} as candidates
left join {{ ref('failure_history') }} as failures using (plant, fleet, life_id)
where candidates.is_fit and failures.life_id is null
