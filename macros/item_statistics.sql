{#- All sums are of whole numbers and exact, so a value that is 0 is never a rounding
    error beside 0, and a build repeats another's values to the last bit. Spark's corr()
    and var_samp() depend on the order of the rows. -#}

{% macro spread(number) -%}
    cast(
        cast(count(*) as decimal(19, 0)) * sum(cast({{ number }} as bigint) * {{ number }})
        - cast(sum({{ number }}) as decimal(19, 0)) * sum({{ number }}) as double
    )
{%- endmacro %}

{% macro item_correlation(is_true) -%}
    case
        when count(*) >= {{ var('item_min_responses') }}
            then try_divide(
                cast(
                    cast(count(*) as decimal(19, 0))
                    * sum(if({{ is_true }}, rest_correct_count, 0))
                    - cast(count_if({{ is_true }}) as decimal(19, 0)) * sum(rest_correct_count)
                    as double
                ),
                sqrt({{ spread('if(' ~ is_true ~ ', 1, 0)') }} * {{ spread('rest_correct_count') }})
            )
    end
{%- endmacro %}

{#- For 95 percent. A rate of 0 or 1 is an end of its interval, despite rounding. -#}
{% macro wilson_bound(count, total, sign) -%}
    {%- set z = '1.959963984540054d' -%}
    case
        when {{ count }} = {{ '0' if sign == '-' else total }}
            then {{ '0.0d' if sign == '-' else '1.0d' }}
        else try_divide(
            {{ count }} + {{ z }} * {{ z }} / 2
            {{ sign }} {{ z }} * sqrt(
                try_divide({{ count }} * ({{ total }} - {{ count }}), {{ total }})
                + {{ z }} * {{ z }} / 4
            ),
            {{ total }} + {{ z }} * {{ z }}
        )
    end
{%- endmacro %}
