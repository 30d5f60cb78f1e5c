with attempts as (

    select * from {{ ref('int_attempts__deduplicated') }}

),

options as (

    select *
    from {{ ref('fct_option_responses') }}
    where unreadable_answer_time is not null

),

unreadable_values as (

    select
        field.field_path,
        field.value as unreadable_text
    from attempts
        lateral view explode(unreadable_values) as field
    union all
    select
        'sequences.questions[].options[].at' as field_path,
        unreadable_answer_time as unreadable_text
    from options

)

select
    field_path,
    count(*) as value_count,
    max(unreadable_text) as example_value
from unreadable_values
group by field_path
