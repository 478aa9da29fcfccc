with

causes as (
    select
        plant,
        product,
        case when failure is null then 'defect' else 'not judged' end as kind,
        coalesce(failure, label, 'rejected') as cause,
        count(*) as n_parts
    from {{ ref('int_first_verdict') }}
    where is_first and verdict != 'ok'
    group by all
),

ranked as (
    select
        *,
        row_number() over of_product as place,
        sum(n_parts) over (of_product rows between unbounded preceding and current row) as n_parts_so_far,
        sum(n_parts) over (partition by plant, product) as n_parts_of_product
    from causes
    window of_product as (partition by plant, product order by n_parts desc, kind, cause)
)

select
    plant,
    product,
    place,
    kind,
    cause,
    n_parts,
    {{ share_of("n_parts", "n_parts_of_product") }}::double as share,
    {{ share_of("n_parts_so_far", "n_parts_of_product") }}::double as cumulative_share
from ranked
