{#- All sums are of whole numbers and exact, so a value that is 0 is never a rounding
    error beside 0, and a build repeats another's values to the last bit. Spark's corr()
    and var_samp() depend on the order of the rows. -#}

{% macro spread(count, sum, square_sum) -%}
    cast(
        cast({{ count }} as decimal(19, 0)) * {{ square_sum }}
        - cast({{ sum }} as decimal(19, 0)) * {{ sum }} as double
    )
{%- endmacro %}

{% macro item_correlation(true_count, true_rest_sum) -%}
    case
        when response_count >= {{ var('item_min_responses') }}
            then try_divide(
                cast(
                    cast(response_count as decimal(19, 0)) * {{ true_rest_sum }}
                    - cast({{ true_count }} as decimal(19, 0)) * rest_sum
                    as double
                ),
                sqrt(
                    {{ spread('response_count', true_count, true_count) }}
                    * {{ spread('response_count', 'rest_sum', 'rest_square_sum') }}
                )
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
